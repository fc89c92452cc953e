# The image in which an engine runs workers, for --environment_type=DOCKER and for Dataflow (--sdk_container_image). It holds
# what starts a worker; the worker itself comes with each job. The README's "On a cluster" builds it. The base is there for
# its root certificates and /tmp: boot and workers are static.
FROM alpine:3.22
ARG TARGETARCH=amd64
COPY boot-${TARGETARCH} /opt/apache/beam/boot
ENTRYPOINT ["/opt/apache/beam/boot"]
