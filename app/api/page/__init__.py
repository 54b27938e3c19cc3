"""The page at `/`: its HTML by language, its static files, and the settings that dress it."""
