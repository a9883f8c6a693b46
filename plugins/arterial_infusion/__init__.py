"""Infusion into the hepatic artery: what a pump's catheter at the gastroduodenal artery perfuses, and what not."""
