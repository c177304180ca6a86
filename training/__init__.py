"""How the bundled figurine network is made: meshes -> rendered pairs -> weights. Not part of the package."""
