"""The procedure that learns the masks in `tutela.voucher.masks`: pictures, search, false rates."""
