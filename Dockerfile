# An image for one machine, without CUDA:
#     docker build -t xoresnet .
#     docker run --rm --shm-size=2g -v "$PWD/runs:/home/xoresnet/runs" xoresnet search
# The image for the nodes of a cluster is examples/cluster/Dockerfile.
FROM python:3.12-slim

WORKDIR /opt/xoresnet
COPY pyproject.toml README.md LICENSE MANIFEST.in ./
COPY xoresnet ./xoresnet
COPY space ./space
COPY search ./search
COPY results ./results
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -e '.[export]'

# runs and data sets are mounted here
WORKDIR /home/xoresnet
ENTRYPOINT ["xoresnet"]
CMD ["--help"]
