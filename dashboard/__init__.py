"""The half of Fathom that explains: it reads the published store and never measures anything itself."""
