"""`sbom`: what is installed in a target, and how it was patched, as a CycloneDX document."""
