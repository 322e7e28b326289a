"""Out through SendGrid: many recipients a request, called back when an answer is lost."""
