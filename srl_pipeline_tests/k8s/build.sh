#!/bin/sh
# Builds the Kubernetes control plane that the tests marked `k8s` start, from Debian's source package, once.
#
# Debian 12 carries the whole source of Kubernetes, but only the client as a binary package. Where the source comes
# from is what apt is configured with. The binaries go to SRL_K8S_CACHE; where they are there, nothing is done.
set -eu

cache=${SRL_K8S_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/srl-k8s}
binaries="kube-apiserver kube-controller-manager kube-scheduler"
needed="golang-go etcd-server rsync dpkg-dev"

there() { for name in $binaries; do [ -x "$cache/$name" ] || return 1; done; command -v etcd >/dev/null; }
stop() { echo "build.sh: $*" >&2; exit 1; }
if there; then echo "control plane: $cache ($("$cache/kube-apiserver" --version))"; exit 0; fi

command -v apt-get >/dev/null || stop "this builds from Debian's source package and needs apt-get"
if ! { command -v go && command -v etcd && command -v rsync && command -v dpkg-source; } >/dev/null; then
    [ "$(id -u)" = 0 ] || stop "as root: apt-get install $needed"
    apt-get update --quiet=2
    DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $needed
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Debian's archives as apt has them, but of sources: a machine rarely lists those.
mkdir -p "$work/apt/parts" "$work/apt/lists/partial"
apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
    awk '$1 == "Packages" && $2 == "Debian" && $5 == "main" { print "deb-src [signed-by=" key "]", $3, $4, $5 }' \
        key=/usr/share/keyrings/debian-archive-keyring.gpg | sort -u >"$work/apt/parts/debian.list"
[ -s "$work/apt/parts/debian.list" ] || stop "apt knows no archive of Debian: run apt-get update first"
set -- -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/apt/parts" \
    -o "Dir::State::lists=$work/apt/lists" -o APT::Sandbox::User=root --quiet=2
apt-get "$@" update
(cd "$work" && apt-get "$@" source kubernetes)
source=$(find "$work" -maxdepth 1 -type d -name 'kubernetes-*')
[ -d "$source/cmd/kube-apiserver" ] || stop "this Debian's source package has only the client; Debian 12's is whole"

version=$(sed -n '1s/.*really\([0-9.]*\)-.*/\1/p' "$source/debian/changelog")
cat >"$work/version" <<END
KUBE_GIT_COMMIT=debian
KUBE_GIT_TREE_STATE=archive
KUBE_GIT_VERSION=v$version
KUBE_GIT_MAJOR=$(echo "$version" | cut -d. -f1)
KUBE_GIT_MINOR=$(echo "$version" | cut -d. -f2)
END
echo "building Kubernetes $version with $(go version | cut -d' ' -f3): some ten minutes, once"
what=""
for name in $binaries; do what="$what cmd/$name"; done
cd "$source"
# Kubernetes' own scripts want a GOPATH; the caches go with the work folder; the clouds' own code is half of the work.
env -u GOROOT GOPATH="$source/.go" GOCACHE="$work/gocache" GOFLAGS="-p=2 -tags=providerless" CGO_ENABLED=0 HOME="$work" \
    KUBE_GIT_VERSION_FILE="$work/version" GOLDFLAGS="-s -w" \
    nice -n 10 make WHAT="$what" >"$cache/build.log" 2>&1 || {
    tail -n 30 "$cache/build.log" >&2
    stop "the build failed; all of it is in $cache/build.log"
}
for name in $binaries; do mv "_output/bin/$name" "$cache/$name"; done
there || stop "the build ended without all of: $binaries"
echo "control plane: $cache ($("$cache/kube-apiserver" --version))"
