"""`make kube`: all of Slotstream on the cluster that the kubeconfig names, by deploy/kubernetes/overlays/local."""
