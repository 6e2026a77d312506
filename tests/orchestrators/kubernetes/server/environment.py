"""Computes the environment variables of a pod's containers, and checks that the volumes they mount exist."""

import base64
import re

from kubernetes import client

from tests.orchestrators.kubernetes.server.container import WaitingError

NODE = "this-machine"


class PodEnvironment:
    """Computes the environment variables of the containers of one pod."""

    def __init__(self, core, pod):
        self._core, self._pod = core, pod

    def variables(self, container):
        """Returns the environment variables of a container: name -> value.

        Raises:
            WaitingError: a volume, a Secret, a ConfigMap or a key does not exist, so the container cannot start yet.
        """
        self._check_volumes(container)
        values = {}
        for source in container.env_from or []:
            reference = source.secret_ref or source.config_map_ref
            data = self._data("secret" if source.secret_ref else "configmap", reference.name, reference.optional)
            values |= {f"{source.prefix or ''}{key}": value for key, value in data.items()}
        for variable in container.env or []:
            value = self._value(variable, values)
            if value is not None:
                values[variable.name] = value
        return values

    def _value(self, variable, earlier):
        """Returns a variable's value, or None if it is optional and its source does not exist: then it is not set.

        `earlier` holds the variables before this one, to which $(NAME) refers.
        """
        source = variable.value_from
        if source is None:
            return re.sub(r"\$\((\w+)\)", lambda match: earlier.get(match[1], match[0]), variable.value or "")
        if source.field_ref:
            return self._field(source.field_ref.field_path)
        reference = source.secret_key_ref or source.config_map_key_ref
        data = self._data("secret" if source.secret_key_ref else "configmap", reference.name, reference.optional)
        if reference.key not in data and not reference.optional:
            raise WaitingError("CreateContainerConfigError", f"couldn't find key {reference.key} in {reference.name}")
        return data.get(reference.key)

    def _field(self, path):
        """Returns the value of a field of the pod, such as `metadata.name`."""
        metadata = self._pod.metadata
        entry = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
        if entry:
            return (getattr(metadata, entry[1]) or {}).get(entry[2], "")
        return {"metadata.name": metadata.name, "metadata.namespace": metadata.namespace, "metadata.uid": metadata.uid,
                "spec.nodeName": NODE, "status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1"}[path]  # fmt: skip

    def _data(self, kind, name, optional):
        """Returns key -> text of a Secret or a ConfigMap; empty if it is optional and does not exist."""
        read = self._core.read_namespaced_secret if kind == "secret" else self._core.read_namespaced_config_map
        try:
            data = read(name, self._pod.metadata.namespace).data or {}
        except client.ApiException as error:
            if error.status != 404:
                raise
            if optional:
                return {}
            raise WaitingError("CreateContainerConfigError", f'{kind} "{name}" not found') from None
        return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind == "secret" else data

    def _check_volumes(self, container):
        """Raises WaitingError if a volume does not exist or has another mount path.

        Processes share the file system of this machine, so a volume can be mounted only at its real path.
        """
        volumes = [v for v in self._pod.spec.volumes or [] if v.persistent_volume_claim]
        claims = {v.name: v.persistent_volume_claim.claim_name for v in volumes}
        for mount in container.volume_mounts or []:
            if mount.name not in claims:
                continue
            try:
                claim = self._core.read_namespaced_persistent_volume_claim(claims[mount.name], self._pod.metadata.namespace)
            except client.ApiException:
                raise WaitingError("Unschedulable", f'persistentvolumeclaim "{claims[mount.name]}" not found') from None
            real_path = self._core.read_persistent_volume(claim.spec.volume_name).spec.host_path.path
            if mount.mount_path != real_path:
                raise WaitingError("CreateContainerError", f"{claims[mount.name]} can be mounted at {real_path} only")
