// Node's own fetch.
const [url, body] = process.argv.slice(2);
const headers = { "Content-Type": "application/json" };

for (const path of ["/ask", "/ask", "/ask/stream"]) {
  const response = await fetch(url + path, { method: "POST", headers, body });
  tell(response.status, await response.text());
}
tell((await fetch(`${url}/livez`, { method: "HEAD" })).status, "");

function tell(status, text) {
  console.log(`${status} ${text.replaceAll("\n", " ")}`);
}
