"""Private matching: vouchers that stay shut unless a picture is close to an entry of a published list.

Specification: docs/PROTOCOL.md. In one paragraph: the device turns a picture's PDQ hash into 64 tokens and
wraps a share of an image key under each, so that the provider, who knows the table's key, can unwrap the
shares of listed tokens only. The image key opens shares of the device's account key; with t distinct entries
in one mask the account key opens, and with it the bodies of the matching vouchers.

What this does not protect (docs/LIMITATIONS.md says more): number, time and size class of uploads are
visible; so is the number of images that agree with the list, below the threshold; a modified client can send
noise; new material is not found; whoever controls the list's endorsement controls what matches.
"""

from tutela.voucher.parameters import Parameters, everyday

__all__ = ["Parameters", "everyday"]
