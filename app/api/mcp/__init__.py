"""The Model Context Protocol: the FAQ as tools and resources of an assistant."""
