package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"tailscale.com/tailcfg"
	"tailscale.com/tstest/integration/testcontrol"
)

// control runs the stock test coordination server: it admits every node and shows all to each other.
func control(arguments []string) error {
	flags := flag.NewFlagSet("control", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:8080", "address and port, plain HTTP; nodes must reach it under this address")
	path := flags.String("derp-map", "", "file with the relay map as JSON")
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
		ExplicitBaseURL:  "http://" + *listen,
		DERPMap:          relays,
		AllNodesSameUser: true,
		AllOnline:        true, // as a production server says; some fast paths of nodes depend on it
		Logf:             log.Printf,
	}
	report("listening", fields{"url": server.ExplicitBaseURL})
	return http.Serve(listener, server)
}
