// etcd's own server of the version that go.mod pins: `./run bench --etcd 3.6` compiles it, since
// Debian has an older one.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
