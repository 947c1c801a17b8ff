"""What hospital IT deploys: the flows, their parameters, the embedded NiFi and the processors' NAR."""
