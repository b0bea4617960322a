# syntax=docker/dockerfile:1
# build makes the static binary; by hand: make build, then the binary alone in an empty image.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ENV CGO_ENABLED=0
RUN go build -buildvcs=false -trimpath -tags=nomsgpack -ldflags="-s -w -X main.version=${VERSION}" -o /sallyport ./cmd/sallyport \
    && install -d -o 65532 -g 65532 /state
# A named volume takes the owner of the folder that it covers: both must be there for the unprivileged user to write to.

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sallyport" \
      org.opencontainers.image.description="A guarded passage with two doors, HTTP and PostgreSQL, between cloudflared and a web app" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /sallyport /sallyport
COPY --from=build --chown=65532:65532 /state /var/lib/sallyport
COPY --from=build --chown=65532:65532 /state /var/log/sallyport
USER 65532:65532
EXPOSE 8080 6432 9901
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/sallyport", "health"]
ENTRYPOINT ["/sallyport"]
CMD ["run", "--config", "/etc/sallyport/sallyport.yaml"]
