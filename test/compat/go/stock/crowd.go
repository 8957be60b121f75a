package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tailscale.com/tsnet"
	"tailscale.com/types/logger"
)

const crowdTimeout = 4 * time.Minute

// crowd runs many stock nodes inside this process, which all join at once. When each knows all others it fetches a page of
// the next one, by name. Ends with its standard input.
func crowd(arguments []string) error {
	flags := flag.NewFlagSet("crowd", flag.ExitOnError)
	url := flags.String("control", "", "URL of the coordination server")
	key := flags.String("auth-key", "", "reusable")
	count := flags.Int("count", 50, "how many")
	state := flags.String("state", "", "directory for what they keep")
	flags.Parse(arguments)

	nodes := make([]*tsnet.Server, *count)
	for i := range nodes {
		name := fmt.Sprintf("crowd-%d", i)
		nodes[i] = &tsnet.Server{ControlURL: *url, AuthKey: *key, Hostname: name, Dir: filepath.Join(*state, name),
			Logf: logger.Discard, UserLogf: logger.Discard}
	}
	ctx, cancel := context.WithTimeout(context.Background(), crowdTimeout)
	defer cancel()
	steps := []struct {
		event string
		of    func(context.Context, *tsnet.Server, int) error
	}{
		{"joined", func(ctx context.Context, node *tsnet.Server, _ int) error {
			_, err := node.Up(ctx)
			return err
		}},
		{"met", func(ctx context.Context, node *tsnet.Server, _ int) error { return waitForPeers(ctx, node, *count-1) }},
		{"serving", func(_ context.Context, node *tsnet.Server, _ int) error { return serveName(node) }},
		{"fetched", func(_ context.Context, node *tsnet.Server, i int) error {
			next := nodes[(i+1)%len(nodes)].Hostname
			body, err := fetch(node.HTTPClient(), "http://"+next+"/")
			if err == nil && body != next {
				err = fmt.Errorf("%s says it is %s", next, body)
			}
			return err
		}},
	}
	started := time.Now()
	for _, step := range steps {
		if err := together(nodes, func(node *tsnet.Server, i int) error { return step.of(ctx, node, i) }); err != nil {
			return fmt.Errorf("%s: %w", step.event, err)
		}
		report(step.event, fields{"seconds": time.Since(started).Seconds()})
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
	}
	return nil
}

// together runs it for all nodes at once.
func together(nodes []*tsnet.Server, of func(*tsnet.Server, int) error) error {
	failures := make([]error, len(nodes))
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := of(node, i); err != nil {
				failures[i] = fmt.Errorf("%s: %w", node.Hostname, err)
			}
		}()
	}
	group.Wait()
	return errors.Join(failures...)
}

// waitForPeers returns when so many or more are online.
func waitForPeers(ctx context.Context, node *tsnet.Server, wanted int) error {
	client, err := node.LocalClient()
	if err != nil {
		return err
	}
	for {
		status, err := client.Status(ctx)
		if err != nil {
			return err
		}
		online := 0
		for _, peer := range status.Peer {
			if peer.Online {
				online++
			}
		}
		if online >= wanted {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d peers are online", online, wanted)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func serveName(node *tsnet.Server) error {
	listener, err := node.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	go http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(answer, node.Hostname)
	}))
	return nil
}
