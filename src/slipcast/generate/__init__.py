"""Where pictures come from: `folder` reads them from the disk, the other files ask a provider for them."""
