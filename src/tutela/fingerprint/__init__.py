"""Pictures to digests: SHA-256, MD5 and PDQ in all orientations, from untrusted bytes."""

from __future__ import annotations
