# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
#
# posthouse in an image: built from source in one stage, its few libraries over Debian slim in the other. Nothing in it is
# set-uid, it runs as user 10001, writes to /var/lib/posthouse only, and needs no shell: ECS, Kubernetes and compose can
# give it a read-only root.
#
#   docker build -t posthouse .
#   docker run -p 8080:8080 -v posthouse:/var/lib/posthouse posthouse
#
# infra/rehearse-image runs these same steps without a Docker engine.
# checkov:skip=CKV_DOCKER_7:The base is the dated tag in BASE, which checkov does not follow.
ARG BASE=debian:bookworm-20250520-slim

FROM ${BASE} AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      autoconf automake gcc libc6-dev libcurl4-openssl-dev libevent-dev libexpat1-dev libinih-dev libjansson-dev libjemalloc-dev libpq-dev \
      libsqlite3-dev libssl-dev libtool make pkg-config python3 \
 && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN autoreconf -fi \
 && ./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
 && make -j"$(nproc)" \
 && make install DESTDIR=/out \
 && rm -rf /out/usr/include /out/usr/lib/pkgconfig /out/usr/share/man \
 && find /out -name '*.la' -delete \
 && find /out/usr -type f \( -name 'posthouse*' -o -name '*.so' \) -exec sh -c 'strip --strip-unneeded "$1" || true' _ {} \;

FROM ${BASE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="posthouse" \
      org.opencontainers.image.description="A messaging daemon whose backends are swapped by a line of INI" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY infra/image/sbom /tmp/sbom
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y --no-install-recommends \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libcurl4 libevent-core-2.1-7 libevent-extra-2.1-7 libevent-openssl-2.1-7 libevent-pthreads-2.1-7 \
      libexpat1 libinih1 libjansson4 libjemalloc2 libpq5 libsqlite3-0 libssl3 \
 && mkdir -p /usr/share/posthouse \
 && sh /tmp/sbom "${VERSION}" > /usr/share/posthouse/sbom.cdx.json \
 && rm -rf /tmp/sbom /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/doc/* /usr/share/man/* \
 && find / -xdev -type f -perm /6000 -exec chmod ug-s {} + \
 && echo 'posthouse:x:10001:10001:posthouse:/var/lib/posthouse:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'posthouse:x:10001:' >> /etc/group \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/posthouse
COPY --from=build /out/ /
COPY infra/image/ca/ /usr/share/posthouse/ca/
COPY infra/image/posthouse.ini /etc/posthouse/posthouse.ini
USER 10001:10001
WORKDIR /var/lib/posthouse
VOLUME /var/lib/posthouse
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["/usr/bin/posthouse", "health", "http://127.0.0.1:8080/healthz"]
# No ENTRYPOINT: a one-off task can run /usr/bin/posthouse instead (docs/runbooks/deploy.md, the first operator).
CMD ["/usr/bin/posthoused", "-c", "/etc/posthouse/posthouse.ini"]
