# The shop's service orders as a Nomad job: what deploy.yml runs as a unit, wherever Nomad has room for it.
# In mesh_services: runs: [{hosts: [w1, w2], job: orders}], hosts being those it may run on.
job "orders" {
  node_pool = "web" # its hosts are those of the service in mesh_services
  group "orders" {
    task "orders" {
      driver = "exec"
      user   = "orders" # run_as of the service: its sidecar and its upstreams are there for this account alone
      config {
        command = "/usr/bin/python3"
        args = ["-B", "/usr/local/lib/shop.py", "orders", "${node.unique.name}", "8081", "http://127.0.0.1:18082/"]
      }
      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
