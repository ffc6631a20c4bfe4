"""Volumes on a cluster that makes them as folders of root: two for pods that are not root."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from slotstream_local.kube.kubectl import NAMESPACE, Kubectl
from slotstream_servicekit.infrastructure.processes import InfrastructureError

_PROVISIONER: Final = "kubernetes.io/host-path"
_FOLDER: Final = Path("/tmp/hostpath_pv")  # noqa: S108 - where that provisioner itself puts them
_PARTS: Final = ("postgres", "kafka")


def lay_volumes(kubectl: Kubectl) -> None:
    """Nothing to do where the cluster's own volumes heed `fsGroup`, as all but Kubernetes' host-path provisioner's do.

    That one knows a single node, this machine; a volume of the kind `local` heeds it.
    """
    storage = _default_class(kubectl)
    if storage is None:
        raise InfrastructureError("The cluster has no default StorageClass, which makes the volumes.")
    if storage["provisioner"] != _PROVISIONER:
        return
    node = kubectl.run("get", "nodes", "--output", "jsonpath={.items[0].metadata.labels.kubernetes\\.io/hostname}")
    volumes = [_volume(part, storage["metadata"]["name"], node) for part in _PARTS]
    for volume in volumes:
        Path(volume["spec"]["local"]["path"]).mkdir(parents=True, exist_ok=True)
        _free(kubectl, volume["metadata"]["name"])
    kubectl.apply(volumes)


def _default_class(kubectl: Kubectl) -> Any:
    classes = json.loads(kubectl.run("get", "storageclasses", "--output", "json"))["items"]
    marked = "storageclass.kubernetes.io/is-default-class"
    return next((each for each in classes if each["metadata"].get("annotations", {}).get(marked) == "true"), None)


def _volume(part: str, storage_class: str, node: str) -> dict[str, Any]:
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"slotstream-{part}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "8Gi"},
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": NAMESPACE, "name": f"data-{part}-0"},
            "local": {"path": str(_FOLDER / f"slotstream-{part}")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
        },
    }


def _free(kubectl: Kubectl, name: str) -> None:
    """A volume whose claim was deleted takes no other one: it is made anew, and empty."""
    phase = kubectl.run("get", "persistentvolume", name, "--ignore-not-found", "--output", "jsonpath={.status.phase}")
    if phase == "Released":
        kubectl.run("delete", "persistentvolume", name)
        shutil.rmtree(_FOLDER / name)
        (_FOLDER / name).mkdir()
