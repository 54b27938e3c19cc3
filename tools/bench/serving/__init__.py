"""askd under load beside the tutorial service, in front of paced stubs of Elasticsearch and Ollama."""
