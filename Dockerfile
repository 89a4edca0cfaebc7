# Needs an external PostgreSQL 15+ (BLACKLIST_DATABASE_URL), a key (BLACKLIST_SECRET_KEY) and a volume at /var/lib/blacklist
# for the log's signing key and newest checkpoint: no embedded database here.
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements/service.txt requirements/service.txt
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements/service.txt
COPY pyproject.toml README.md ./
COPY src src
COPY migrations migrations
RUN /opt/venv/bin/pip install --no-cache-dir hatchling \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/venv/bin/pip uninstall --yes --quiet hatchling

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin blacklist \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/blacklist
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 BLACKLIST_HOST=0.0.0.0 BLACKLIST_DATA_DIR=/var/lib/blacklist
USER 10001:10001
VOLUME /var/lib/blacklist
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
    "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('BLACKLIST_PORT', '8000') + '/readyz', timeout=2)"]
CMD ["blacklist-service", "serve"]
