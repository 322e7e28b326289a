from hypothesis import settings

# A busy machine must not fail a test; speed is measured by `make bench`.
settings.register_profile("newsletter", deadline=None)
settings.load_profile("newsletter")
