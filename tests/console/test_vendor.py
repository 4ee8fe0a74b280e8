"""The committed assets are the ones that vendor.toml names, without fonts, crest and source maps."""

from __future__ import annotations

import re

from tutela.console import vendoring

NAMED = {entry["path"]: entry["sha256"] for package in vendoring.packages() for entry in package["file"]}


def test_files_are_the_noted_ones():
    for path, expected in NAMED.items():
        assert vendoring.digest((vendoring.VENDOR / path).read_bytes()) == expected, path


def test_nothing_else_lies_there_and_notices_do():
    notices = {package["notice"] for package in vendoring.packages()}
    found = {str(p.relative_to(vendoring.VENDOR)) for p in vendoring.VENDOR.rglob("*") if p.is_file()}
    assert found == set(NAMED) | notices | {"vendor.toml"}
    for notice in notices:
        assert "Permission is hereby granted" in (vendoring.VENDOR / notice).read_text(encoding="utf-8")


def test_style_sheets_load_only_what_lies_beside_them():
    for path in NAMED:
        file = vendoring.VENDOR / path
        if not path.endswith((".css", ".js")):
            continue
        text = file.read_text(encoding="utf-8")
        assert "sourceMappingURL" not in text
        if path.endswith(".css"):
            assert "@font-face" not in text
            assert "GDS Transport" not in text
            assert text.count("{") == text.count("}")
            for url in re.findall(r"url\(([^)]*)\)", text):
                assert url.startswith("data:") or (file.parent / url.strip("\"'")).is_file(), url


def test_stripping_is_idempotent():
    for path in NAMED:
        content = (vendoring.VENDOR / path).read_bytes()
        assert vendoring.stripped(path, content, "images") == content
