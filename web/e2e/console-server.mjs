// Serves web/dist-console as the service does, in front of a service that does not (CONSOLE=files), so that the
// console can be worked on without building the program.
//
// Everything but /console goes to the service: requests, and the WebSocket.

import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { basename, extname, join } from 'node:path';

const DIST = join(import.meta.dirname, '..', 'dist-console');
const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
};
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
  "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

function send(response, path, headers) {
  // As the build has left it, and as every browser takes it.
  const isCompressed = !existsSync(path) && existsSync(`${path}.gz`);
  const file = isCompressed ? `${path}.gz` : path;
  response.writeHead(200, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'content-length': statSync(file).size,
    ...(isCompressed && { 'content-encoding': 'gzip' }),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  createReadStream(file).pipe(response);
}

/** Answers what is below /console; false for everything else. */
function serveConsole(pathname, config, response) {
  if (pathname === '/console/config.json') {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(config));
  } else if (pathname.startsWith('/console/assets/')) {
    const path = join(DIST, 'assets', basename(pathname));
    if (existsSync(path) || existsSync(`${path}.gz`)) send(response, path, { 'cache-control': 'public, max-age=31536000, immutable' });
    else response.writeHead(404).end();
  } else if (pathname === '/console' || (pathname.startsWith('/console/') && !pathname.includes('.'))) {
    send(response, join(DIST, 'index.html'), { 'content-security-policy': POLICY, 'cache-control': 'no-cache' });
  } else {
    return false;
  }
  return true;
}

function forward(incoming, outgoing, port) {
  const { method, url: path, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

/** The handshake and all that follows, byte by byte. */
function tunnel(incoming, socket, head, port) {
  const onward = connect(port, '127.0.0.1', () => {
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
    }
    onward.write(`${lines.join('\r\n')}\r\n\r\n`);
    onward.write(head);
    socket.pipe(onward).pipe(socket);
  });
  for (const one of [socket, onward]) {
    one.on('error', () => {
      socket.destroy();
      onward.destroy();
    });
  }
}

/** Starts to serve; `port()` says where the service is by then. */
export async function startConsole(port, listenAt = 0, config = {}) {
  const all = { adminEndpoint: '/admin/graphql', playground: true, mailbox: true, ...config };
  const server = createServer((incoming, outgoing) => {
    const { pathname } = new URL(incoming.url, 'http://localhost');
    if (!serveConsole(pathname, all, outgoing)) forward(incoming, outgoing, port());
  });
  server.on('upgrade', (incoming, socket, head) => tunnel(incoming, socket, head, port()));
  await new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(listenAt, '127.0.0.1', done);
  });
  const { port: own } = server.address();
  return {
    url: `http://127.0.0.1:${own}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
