// Argo's workflow controller without its servers for metrics and health, which listen on all addresses of a machine.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	workflows "github.com/argoproj/argo-workflows/v3/pkg/client/clientset/versioned"
	"github.com/argoproj/argo-workflows/v3/workflow/controller"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	namespace := flag.String("namespace", "default", "whose workflows to run, and where the ConfigMap is")
	configMap := flag.String("configmap", "workflow-controller-configmap", "its settings")
	image := flag.String("executor-image", "argoexec", "of the containers that Argo adds to a pod")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	made, err := controller.NewWorkflowController(ctx, config, kubernetes.NewForConfigOrDie(config),
		workflows.NewForConfigOrDie(config), *namespace, *namespace, *image, "IfNotPresent", "text", *configMap, false)
	if err != nil {
		log.Fatal(err)
	}
	go made.Run(ctx, 4, 1, 1, 1)
	<-ctx.Done()
}
