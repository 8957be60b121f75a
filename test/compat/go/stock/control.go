package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
	"tailscale.com/types/dnstype"
)

// control runs the stock test coordination server: it admits every node and shows all to each other. What standard input says
// it does.
func control(arguments []string) error {
	flags := flag.NewFlagSet("control", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:8080", "address and port, plain HTTP; nodes must reach it under this address")
	path := flags.String("derp-map", "", "file with the relay map as JSON")
	requireAuth := flags.Bool("require-auth", false, "admit nodes only when their login is completed")
	flags.Parse(arguments)

	text, err := os.ReadFile(*path)
	if err != nil {
		return fmt.Errorf("--derp-map: %w", err)
	}
	relays := new(tailcfg.DERPMap)
	if err := json.Unmarshal(text, relays); err != nil {
		return fmt.Errorf("--derp-map: %s: %w", *path, err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &testcontrol.Server{
		ExplicitBaseURL: "http://" + *listen,
		DERPMap:         relays,
		RequireAuth:     *requireAuth,
		MagicDNSDomain:  "tailnet.example",
		DNSConfig: &tailcfg.DNSConfig{
			Proxied: true,
			Domains: []string{"tailnet.example"},
			Routes:  map[string][]*dnstype.Resolver{"tailnet.example": {}},
		},
		AllNodesSameUser: true,
		AllOnline:        true, // as a production server says; some fast paths of nodes depend on it
		Logf:             log.Printf,
	}
	report("listening", fields{"url": server.ExplicitBaseURL})
	go http.Serve(listener, server)
	return heedControl(server)
}

// heedControl does what standard input says until it ends.
func heedControl(server *testcontrol.Server) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 2 && words[0] == "complete":
			report("completed", fields{"known": server.CompleteAuth(words[1])})
		case len(words) == 2 && words[0] == "expire":
			server.SetExpireAllNodes(words[1] == "true")
			report("expired", nil)
		default:
			return fmt.Errorf("no such command: %s", lines.Text())
		}
	}
	return lines.Err()
}
