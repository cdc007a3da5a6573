// Load generator for etcd: does to etcd what swarm-bench does to a swarm, so that ./run bench can
// put both side by side. Each client has a connection of its own and talks to the leader, which is
// the best case for etcd; one JSON object is printed at the end.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/grpclog"
)

type options struct {
	endpoints []string
	workload  string
	clients   int
	inFlight  int
	keys      int
	rate      int
	valueSize int
	warmup    time.Duration
	duration  time.Duration
}

type result struct {
	Workload  string  `json:"workload"`
	Clients   int     `json:"clients"`
	InFlight  int     `json:"in_flight"`
	Keys      int     `json:"keys"`
	ValueSize int     `json:"value_size"`
	Seconds   float64 `json:"seconds"`
	Ops       int     `json:"ops"`
	Errors    int64   `json:"errors"`
	OpsPerSec float64 `json:"ops_per_second"`
	P50       float64 `json:"p50_us"`
	P90       float64 `json:"p90_us"`
	P99       float64 `json:"p99_us"`
	P999      float64 `json:"p999_us"`
	Max       float64 `json:"max_us"`
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "etcd_bench: "+format+"\n", args...)
	os.Exit(1)
}

func dial(endpoints []string) *clientv3.Client {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   endpoints,
		DialTimeout: 5 * time.Second,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		fail("cannot connect to %v: %v", endpoints, err)
	}
	return client
}

// leaderOf returns the endpoint of the member that leads.
func leaderOf(endpoints []string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := dial(endpoints)
	defer client.Close()
	for ctx.Err() == nil {
		for _, endpoint := range endpoints {
			status, err := client.Status(ctx, endpoint)
			if err == nil && status.Leader != 0 && status.Header.MemberId == status.Leader {
				return endpoint
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	fail("no leader among %v", endpoints)
	return ""
}

func keyOf(number int) string {
	return fmt.Sprintf("bench/%012d", number)
}

// preload writes every key once, so that a get always finds one.
func preload(client *clientv3.Client, opts options, value string) {
	var wait sync.WaitGroup
	var next int64 = -1
	for worker := 0; worker < 64; worker++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				number := int(atomic.AddInt64(&next, 1))
				if number >= opts.keys {
					return
				}
				if _, err := client.Put(context.Background(), keyOf(number), value); err != nil {
					fail("preload: %v", err)
				}
			}
		}()
	}
	wait.Wait()
}

// grant gives a loop the lease that it keeps alive; 0 where the workload has none.
func grant(client *clientv3.Client, workload string) clientv3.LeaseID {
	if workload != "keep-alive" {
		return 0
	}
	lease, err := client.Grant(context.Background(), 600)
	if err != nil {
		fail("grant: %v", err)
	}
	return lease.ID
}

// txn compares two keys and puts both: what it compares always holds.
func txn(ctx context.Context, client *clientv3.Client, first, second, value string) error {
	_, err := client.Txn(ctx).If(
		clientv3.Compare(clientv3.Version(first), ">", -1),
		clientv3.Compare(clientv3.Version(second), ">", -1),
	).Then(clientv3.OpPut(first, value), clientv3.OpPut(second, value)).Commit()
	return err
}

// call does one operation of the workload.
func call(ctx context.Context, client *clientv3.Client, opts options, value string,
	random *mathrand.Rand, lease clientv3.LeaseID) error {
	var err error
	key := keyOf(random.Intn(opts.keys))
	switch {
	case opts.workload == "txn":
		number := random.Intn(opts.keys)
		return txn(ctx, client, keyOf(number), keyOf((number+1)%opts.keys), value)
	case opts.workload == "keep-alive":
		_, err = client.KeepAliveOnce(ctx, lease)
	case opts.workload == "scan":
		_, err = client.Get(ctx, "bench/", clientv3.WithPrefix())
	case opts.workload == "get", opts.workload == "mixed" && random.Intn(100) < 80:
		_, err = client.Get(ctx, key)
	default:
		_, err = client.Put(ctx, key, value)
	}
	return err
}

// run drives one closed loop until `stop` and returns the latencies of what began after `start`.
func run(client *clientv3.Client, opts options, value string, seed int64, start, stop time.Time,
	errors *int64) []time.Duration {
	random := mathrand.New(mathrand.NewSource(seed))
	lease := grant(client, opts.workload)
	samples := make([]time.Duration, 0, 1<<14)
	for {
		began := time.Now()
		if !began.Before(stop) {
			return samples
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := call(ctx, client, opts, value, random, lease)
		cancel()
		if err != nil {
			atomic.AddInt64(errors, 1)
		} else if ended := time.Now(); !began.Before(start) && ended.Before(stop) {
			samples = append(samples, ended.Sub(began))
		}
	}
}

func percentile(sorted []time.Duration, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := int(part * float64(len(sorted)-1))
	return float64(sorted[at].Nanoseconds()) / 1e3
}

func measure(opts options, value string) result {
	leader := []string{leaderOf(opts.endpoints)}
	clients := make([]*clientv3.Client, opts.clients)
	for number := range clients {
		clients[number] = dial(leader)
		defer clients[number].Close()
	}
	if opts.workload != "put" && opts.workload != "keep-alive" {
		preload(clients[0], opts, value)
	}
	var errors int64
	var lock sync.Mutex
	var wait sync.WaitGroup
	var all []time.Duration
	if opts.workload == "watch" || opts.workload == "mailbox" {
		return measureWatch(clients, opts)
	}
	start := time.Now().Add(opts.warmup)
	stop := start.Add(opts.duration)
	for loop := 0; loop < opts.clients*opts.inFlight; loop++ {
		wait.Add(1)
		go func(loop int) {
			defer wait.Done()
			client := clients[loop%opts.clients]
			samples := run(client, opts, value, int64(loop+1), start, stop, &errors)
			lock.Lock()
			all = append(all, samples...)
			lock.Unlock()
		}(loop)
	}
	wait.Wait()
	return summary(opts, all, errors)
}

func summary(opts options, all []time.Duration, errors int64) result {
	sort.Slice(all, func(a, b int) bool { return all[a] < all[b] })
	return result{
		Workload: opts.workload, Clients: opts.clients, InFlight: opts.inFlight,
		Keys: opts.keys, ValueSize: opts.valueSize, Seconds: opts.duration.Seconds(),
		Ops: len(all), Errors: errors,
		OpsPerSec: float64(len(all)) / opts.duration.Seconds(),
		P50:       percentile(all, 0.5), P90: percentile(all, 0.9), P99: percentile(all, 0.99),
		P999: percentile(all, 0.999), Max: percentile(all, 1),
	}
}

// measureWatch lets one client write, each value the time when its put was due, and all clients
// watch everything, or each watch a key of its own (mailbox): a sample is one delivery, from that
// time to the event.
func measureWatch(clients []*clientv3.Client, opts options) result {
	var lock sync.Mutex
	var wait sync.WaitGroup
	var all []time.Duration
	var start, stop time.Time // set before the first put
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for number := 0; number < opts.clients*opts.inFlight; number++ {
		wait.Add(1)
		events := watchOf(ctx, clients[number%opts.clients], opts, number)
		go func() {
			defer wait.Done()
			var mine []time.Duration
			for reply := range events {
				for _, event := range reply.Events {
					var began int64
					fmt.Sscanf(string(event.Kv.Value), "%d", &began)
					at := time.Unix(0, began)
					if !at.Before(start) && at.Before(stop) {
						mine = append(mine, time.Since(at))
					}
				}
			}
			lock.Lock()
			all = append(all, mine...)
			lock.Unlock()
		}()
	}
	start = time.Now().Add(opts.warmup)
	stop = start.Add(opts.duration)
	var errors int64
	pad := strings.Repeat("x", opts.valueSize-20)
	begin := time.Now()
	for number := 0; ; number++ {
		due := time.Now()
		if opts.rate > 0 {
			due = begin.Add(time.Duration(number) * time.Second / time.Duration(opts.rate))
			time.Sleep(time.Until(due))
		}
		if !due.Before(stop) {
			break
		}
		value := fmt.Sprintf("%019d %s", due.UnixNano(), pad)
		if _, err := clients[0].Put(ctx, keyOf(number%opts.keys), value); err != nil {
			errors++
		}
	}
	time.Sleep(time.Second) // the last are on their way
	cancel()
	wait.Wait()
	return summary(opts, all, errors)
}

func watchOf(ctx context.Context, client *clientv3.Client, opts options, number int) clientv3.WatchChan {
	if opts.workload == "mailbox" {
		return client.Watch(ctx, keyOf(number%opts.keys))
	}
	return client.Watch(ctx, "bench/", clientv3.WithPrefix())
}

// tick writes one key after the other, all endpoints known, and prints a line for each
// acknowledgement: when it was asked for and when it came, in ns since 1970. The driver kills a
// leader and looks for the first write that was asked for afterwards.
func tick(opts options, value string) {
	client := dial(opts.endpoints)
	defer client.Close()
	stop := time.Now().Add(opts.duration)
	for number := 0; time.Now().Before(stop); number++ {
		began := time.Now()
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			_, err := client.Put(ctx, keyOf(number), value)
			cancel()
			if err == nil {
				break
			}
			if !time.Now().Before(stop) {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
		fmt.Printf("%d %d %d\n", number, began.UnixNano(), time.Now().UnixNano())
		time.Sleep(2 * time.Millisecond)
	}
}

func main() {
	var opts options
	var endpoints string
	flag.StringVar(&endpoints, "endpoints", "127.0.0.1:2379", "comma list of host:port")
	flag.StringVar(&opts.workload, "workload", "put", "put, get, mixed (80 % gets), txn, keep-alive, scan, watch, mailbox or tick")
	flag.IntVar(&opts.clients, "clients", 64, "connections")
	flag.IntVar(&opts.inFlight, "in-flight", 1, "unanswered requests of one connection")
	flag.IntVar(&opts.rate, "rate", 0, "of watch and mailbox: puts a second; 0 is one after the other")
	flag.IntVar(&opts.keys, "keys", 10000, "size of the key space")
	flag.IntVar(&opts.valueSize, "value-size", 256, "bytes of a value")
	flag.DurationVar(&opts.warmup, "warmup", 2*time.Second, "time before measuring")
	flag.DurationVar(&opts.duration, "duration", 10*time.Second, "time to measure")
	flag.Parse()
	opts.endpoints = strings.Split(endpoints, ",")
	if opts.clients < 1 || opts.inFlight < 1 || opts.keys < 1 || opts.valueSize < 1 ||
		((opts.workload == "watch" || opts.workload == "mailbox") && opts.valueSize < 32) {
		fail("counts and sizes start at 1, values that are watched at 32 bytes")
	}
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	bytes := make([]byte, opts.valueSize)
	if _, err := rand.Read(bytes); err != nil {
		fail("no random bytes: %v", err)
	}
	value := string(bytes)
	switch opts.workload {
	case "put", "get", "mixed", "txn", "keep-alive", "scan", "watch", "mailbox":
		text, err := json.Marshal(measure(opts, value))
		if err != nil {
			fail("%v", err)
		}
		fmt.Println(string(text))
	case "tick":
		tick(opts, value)
	default:
		fail("no such workload: %s", opts.workload)
	}
}
