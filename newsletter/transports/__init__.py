"""The ways out: each takes messages and answers with a receipt per recipient."""
