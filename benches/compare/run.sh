#!/usr/bin/env bash
# Compares the working tree with a commit: compare/run.sh COMMIT [thousands of accounts]
set -euo pipefail
cd "$(dirname "$0")/../.."

commit=$(git rev-parse --verify "${1:?which commit to compare with}^{commit}")
room=target/compare
mkdir -p "$room/before" "$room/now"

# Two packages of one name: of the older one cargo fetches the commit itself.
side() {
    cat >"$room/$1/Cargo.toml" <<END
[package]
name = "$1"
version = "0.0.0"
edition = "2024"
[lib]
path = "$PWD/benches/compare/side.rs"
[dependencies]
sekisho = { $2 }
END
}
side before "git = \"file://$PWD\", rev = \"$commit\""
side now "path = \"$PWD/core\""
cat >"$room/Cargo.toml" <<END
[workspace]
members = ["before", "now"]
[package]
name = "compare"
version = "0.0.0"
edition = "2024"
[[bin]]
name = "compare"
path = "$PWD/benches/compare/main.rs"
[dependencies]
before = { path = "before" }
now = { path = "now" }
[profile.release]
panic = "unwind"
lto = "fat"
codegen-units = 1
END

cp Cargo.lock "$room/"
cargo build --release --quiet --manifest-path "$room/Cargo.toml"
# Huge pages where they are for those who ask, in one arena: see the README.
export GLIBC_TUNABLES=${GLIBC_TUNABLES-glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1}
exec "$room/target/release/compare" "${@:2}"
