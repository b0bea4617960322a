#!/bin/sh
# Builds dist/: a static program for each system, checksums, an SBOM of what is in it, and its licences. VERSION names the release.
set -eu
cd "$(dirname "$0")/.."
: "${VERSION:?set VERSION, such as VERSION=1.0.0}"
export CGO_ENABLED=0 GOFLAGS="-buildvcs=false -trimpath -tags=nomsgpack"
rm -rf dist
mkdir dist
for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64; do
	os=${target%/*} arch=${target#*/} end=""
	[ "$os" = windows ] && end=.exe
	GOOS=$os GOARCH=$arch go build -ldflags="-s -w -X main.version=$VERSION" -o "dist/sallyport_${VERSION}_${os}_${arch}${end}" ./cmd/sallyport
done
# The SBOM is read from a program that was built, so that it lists what is really inside. The licences' texts go along with the programs.
GOFLAGS="" go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -version "v$VERSION" \
	-output "dist/sallyport_${VERSION}.cdx.json" "dist/sallyport_${VERSION}_linux_amd64"
(cd deploy/licences && GOFLAGS="-buildvcs=false" go run . ../.. "../../dist/sallyport_${VERSION}_linux_amd64" \
	"../../dist/sallyport_${VERSION}.cdx.json" "../../dist/sallyport_${VERSION}_licences.txt")
cd dist && sha256sum sallyport_* >SHA256SUMS
