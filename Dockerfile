# Needs an external PostgreSQL 15+ (BLACKLIST_DATABASE_URL), a key (BLACKLIST_SECRET_KEY) and a volume at /var/lib/blacklist
# for the log's signing key and newest checkpoint: no embedded database here. Runs as any user, on a read-only root, without
# /dev/shm; what it writes besides the volume is in /tmp. Pin the base for a release: --build-arg BASE=python@sha256:…
ARG BASE=python:3.13-slim
FROM ${BASE} AS build
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements/service.txt requirements/build.txt requirements/
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements/service.txt
COPY pyproject.toml README.md ./
COPY migrations migrations
COPY src src
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM ${BASE}
# Root's group owns the volume's folder: a platform that gives an arbitrary user gives it that group.
RUN useradd --system --uid 10001 --gid 0 --home-dir /nonexistent --shell /usr/sbin/nologin blacklist \
    && install --directory --owner=10001 --group=0 --mode=0770 /var/lib/blacklist
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 BLACKLIST_HOST=0.0.0.0 BLACKLIST_DATA_DIR=/var/lib/blacklist
USER 10001:0
VOLUME /var/lib/blacklist
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('BLACKLIST_PORT', '8000') + '/readyz', timeout=2)"]
CMD ["blacklist-service", "serve"]
