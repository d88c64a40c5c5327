"""The page's parts about what models answered."""
