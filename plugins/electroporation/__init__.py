"""Irreversible electroporation: electrodes that are pulsed in pairs."""
