module keelson.example/sample

go 1.21
