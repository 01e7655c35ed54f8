// Talks to the server that gave this page, and to nobody else.

// What went wrong, in words for people: what the server said, or that it could not be reached.
export class Trouble extends Error {
  constructor(message, hint, isRefusal) {
    super(message);
    this.hint = hint;
    // The server got the request and said no: to send the same again brings nothing.
    this.isRefusal = isRefusal;
  }
}

async function request(path, options = {}) {
  const headers = { "X-Alhost": "1" };
  if (options.body) headers["Content-Type"] = "application/json";
  let response;
  let answer;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store" });
    answer = await response.json();
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    if (response && response.status < 500) {
      throw new Trouble(`the server answered ${response.status}, and not as this page understands`, "reload the page", true);
    }
    throw new Trouble("the server cannot be reached", "is `alhost label serve` still running?", false);
  }
  if (!response.ok) {
    throw new Trouble(answer.error ?? `the server answered ${response.status}`, answer.hint, response.status < 500);
  }
  return answer;
}

export function get(path, query = {}, signal) {
  const search = new URLSearchParams(query).toString();
  return request(search ? `${path}?${search}` : path, { signal });
}

export function post(path, body, signal) {
  return request(path, { method: "POST", body: JSON.stringify(body), signal });
}

// Says that somebody leaves; there is nobody left to hear an answer.
export function leave(who) {
  fetch("/api/leave", {
    method: "POST", keepalive: true, body: JSON.stringify({ who }),
    headers: { "X-Alhost": "1", "Content-Type": "application/json" },
  }).catch(() => {});
}
