# The image: the program alone, on the few files that it needs (deploy/rootfs.sh). Not root, no shell, nothing written
# outside of /var/lib/vestibule, which is for SQLite and pictures; with a read-only root that is the one thing to mount.
# docs/deployment.md says how to run it, and what of this file was run and what was only linted.
#
#   docker build --tag vestibule .

# As in web/package.json ("engines") and Cargo.toml ("rust-version"), or later.
ARG NODE_VERSION=24.19.0
ARG RUST_VERSION=1.95.0

# The pages that the program embeds.
FROM node:${NODE_VERSION}-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY schema.graphql schema.admin.graphql /src/
COPY clients/apollo-link /src/clients/apollo-link
COPY web ./
RUN npm run build && mkdir /built && cp -r dist* /built/

# The program. The slim image has the C compiler that aws-lc and SQLite are built with. Link-time optimisation takes some
# gigabytes of memory and many minutes. Relocations in their short form are 1.7 MiB less.
FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock ./
COPY assets assets
COPY src src
COPY --from=web /built/ web/
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo rustc --locked --profile dist --bin vestibule -- -C link-arg=-Wl,-z,pack-relative-relocs \
    && cp target/dist/vestibule /vestibule
COPY deploy/rootfs.sh deploy/rootfs.sh
RUN deploy/rootfs.sh /vestibule /rootfs

FROM scratch
LABEL org.opencontainers.image.title="Vestibule" \
      org.opencontainers.image.description="A GraphQL authentication and user service" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /rootfs/ /
USER 65532:65532
WORKDIR /var/lib/vestibule
# Production refuses to start on settings that are only safe at home, so nothing runs by default that should not.
ENV APP_ENV=production \
    BIND_ADDR=0.0.0.0:8080 \
    METRICS_BIND=0.0.0.0:9090 \
    DATABASE_URL=sqlite:///var/lib/vestibule/vestibule.sqlite \
    AVATAR_DIR=/var/lib/vestibule/avatars
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# Live, not ready: a container that is restarted because the store is away helps nobody.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/vestibule", "health", "--live"]
ENTRYPOINT ["/usr/local/bin/vestibule"]
CMD ["serve"]
