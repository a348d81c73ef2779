// Command recorded records real traffic, for the judge to be tried on what nobody made up: that of the local stack's own API
// server, and that of a small HTTP service which keeps its items in it, under people with think times and pauses. Nothing is
// deployed meanwhile. Its README tells what is in a recording and how little it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/rollbackd/rollbackd/internal/localstack"
)

func main() {
	out := flag.String("out", "test/recorded/traffic.gz", "`file` to write")
	span := flag.Duration("for", 25*time.Minute, "how `long` to record")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *out, *span); err != nil {
		fmt.Fprintln(os.Stderr, "recorded:", err)
		os.Exit(1)
	}
}

// warmUp is left out at the beginning: connections are made and caches filled.
const warmUp = 20 * time.Second

func run(ctx context.Context, out string, span time.Duration) (err error) {
	stack, err := localstack.Start(ctx, localstack.Options{Scrape: 10 * time.Second, Log: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	kube, err := client(stack.Kubeconfig)
	if err != nil {
		return err
	}
	if err := stock(ctx, kube); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rollbackd-recorded-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	prometheus, err := scrape(dir, stack.Addresses)
	if err != nil {
		return err
	}
	defer func() { _ = prometheus.stop() }()
	if err := live(ctx, prometheus, kube, warmUp+span); err != nil {
		return err
	}
	taken, err := prometheus.take(ctx, span, time.Now())
	if err != nil {
		return err
	}
	size, err := taken.WriteFile(out)
	fmt.Fprintf(os.Stderr, "%d series, %d samples, %d bytes\n", len(taken.Series), taken.Samples(), size)
	return err
}

func client(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 1000, 1000
	config.WarningHandler = rest.NoWarnings{}
	return kubernetes.NewForConfig(config)
}

// names are those of the pods; the last one takes another's place.
func names() []string {
	var out []string
	for _, suffix := range []string{"5wq2k", "8fzlt", "dn7vx", "xk4cb", "zr9hm"} {
		out = append(out, service+"-6d5f7c9b84-"+suffix)
	}
	return out
}

// live has people use the service for a while. At two fifths of the time one of its pods is replaced.
func live(ctx context.Context, prometheus *scraper, kube kubernetes.Interface, span time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	users := &crowd{client: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: people}}, began: time.Now()}
	all := names()
	for _, name := range all[:len(all)-1] {
		p, err := open(name, kube)
		if err != nil {
			return err
		}
		defer p.close()
		users.pods = append(users.pods, p)
	}
	if err := prometheus.follow(users.pods); err != nil {
		return err
	}
	go func() {
		if wait(ctx, span*2/5); ctx.Err() != nil {
			return
		}
		if err := drain(users, prometheus, all[len(all)-1], kube); err != nil {
			fmt.Fprintln(os.Stderr, "recorded: replace a pod:", err)
		}
	}()
	users.run(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return context.Cause(ctx)
}

// drain replaces the second pod by a new one.
func drain(users *crowd, prometheus *scraper, name string, kube kubernetes.Interface) error {
	p, err := open(name, kube)
	if err != nil {
		return err
	}
	old := users.replace(1, p)
	users.mu.Lock()
	pods := append([]*pod(nil), users.pods...)
	users.mu.Unlock()
	if err := prometheus.follow(pods); err != nil {
		return err
	}
	time.Sleep(2 * patience) // what it was asked is answered
	old.close()
	return nil
}
