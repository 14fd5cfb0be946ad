module keelson.cluster/artifacts/pause

go 1.21
