"""An encoder with the pieces that some texts need, and no others."""
