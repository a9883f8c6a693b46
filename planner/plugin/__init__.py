"""The contract of treatment modules: manifest, discovery, running, results."""
