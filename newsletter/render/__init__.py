"""RENDER: a variant -> HTML and plain text whose merge fields are still open."""
