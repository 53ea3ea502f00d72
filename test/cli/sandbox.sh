# Start it first: npx effect-billwerk-payouts sandbox --port 8080
SANDBOX=${SANDBOX:-http://127.0.0.1:8080}
KEY=priv_sandbox_0123456789abcdef0123456789abcdef

# The next create is carried out, and its answer is lost.
curl --silent --fail "$SANDBOX/sandbox/faults" --json '{ "fault": "dropAfterCommit" }'

# Pay: curl ends with 52, "empty reply from server".
curl --silent --user "$KEY:" "$SANDBOX/v1/payout" \
  --json '{ "handle": "prize-2026-0042", "destination": "ca_fcfac2016614418f969fa5697383e47c", "amount": 12500, "currency": "DKK" }'
echo "curl ended with $?"

# Never pay again under another handle: look it up.
curl --silent --user "$KEY:" "$SANDBOX/v1/payout/prize-2026-0042" | grep --only-matching '"state":"[a-z]*"' | head -n 1

# What no client can see: the ledger's truth.
curl --silent "$SANDBOX/sandbox/payout?handle=prize-2026-0042" | grep --only-matching '"moved":[0-9]*'
