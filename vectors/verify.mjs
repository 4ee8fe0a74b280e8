// Check vectors/voucher.json and vectors/audit.json with an implementation of docs/PROTOCOL.md that shares no code with Tutela.
import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RistrettoPoint } from '@noble/curves/ed25519';
import { blake2b } from '@noble/hashes/blake2b';

const V = JSON.parse(readFileSync(new URL('voucher.json', import.meta.url)));
const PRIME = 2n ** 128n - 159n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
let checks = 0;
const same = (got, expected, what) => {
  assert.deepEqual(got, expected, what);
  checks += 1;
};

// --- bytes and numbers
const un = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const cat = (...parts) => Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part))));
const le = (bytes) => [...bytes].reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const toLe = (value, size) => Uint8Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n));
const xor = (a, b) => a.map((byte, i) => byte ^ b[i]);
const text = (value) => new TextEncoder().encode(value);
const frame = (...parts) => cat(...parts.flatMap((part) => [toLe(part.length, 4), part]));
const mod = (value, m) => ((value % m) + m) % m;

function digest(name, data, { size = 32, key = undefined } = {}) {
  const personalization = new Uint8Array(16);
  personalization.set(text(name));
  return blake2b(data, { dkLen: size, key, personalization });
}

// --- the group: every library treats the identity in its own way, so it is refused here by comparison
function point(bytes) {
  if (bytes.length !== 32 || bytes.every((byte) => byte === 0)) throw new Error('identity or wrong length');
  return RistrettoPoint.fromHex(bytes);
}
const times = (scalar, p) => p.multiply(scalar);
const encode = (p) => p.toRawBytes();
const hashToGroup = (bytes) => RistrettoPoint.hashToCurve(bytes);

// --- tokens
const { masks, probes, threshold } = V.parameters;
const TOKENS = masks.length << probes;
const bit = (pdq, i) => (pdq[i >> 3] >> (7 - (i & 7))) & 1;
function entryToken(pdq, j, flips = []) {
  const out = new Uint8Array(6);
  out[0] = j;
  masks[j].forEach((position, k) => {
    const value = bit(pdq, position) ^ (flips.includes(k) ? 1 : 0);
    out[1 + (k >> 3)] |= value << (7 - (k & 7));
  });
  return out;
}
function leastReliable(reliability, j) {
  const ranked = masks[j].map((position, k) => [Math.fround(reliability[position]), k]);
  ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return ranked.slice(0, probes).map(([, k]) => k).sort((a, b) => a - b);
}
function deviceTokens(pdq, places) {
  const out = [];
  masks.forEach((_, j) => {
    for (let subset = 0; subset < 1 << probes; subset += 1) {
      out.push(entryToken(pdq, j, places[j].filter((_, k) => (subset >> k) & 1)));
    }
  });
  return out;
}
for (const row of V.tokens) {
  const pdq = un(row.pdq);
  same(masks.map((_, j) => hex(entryToken(pdq, j))), row.entry, 'entry tokens');
  const places = masks.map((_, j) => leastReliable(row.reliability, j));
  same(places, row.places, 'least reliable places');
  same(deviceTokens(pdq, places).map(hex), row.device, 'device tokens');
}

// --- the table
const H = V.table.header;
const tableId = un(H.table_id);
const a = le(un(V.table.key));
const A = point(un(H.public_key));
const file = un(V.table.file);
const slots = (H.segments + 2) * H.segment_length;
same(hex(encode(times(a, RistrettoPoint.BASE))), H.public_key, 'A = a*G');
same(hex(file.slice(0, 16)), hex(cat(text('tutelaT1'), toLe(slots, 8))), 'preamble');
same(file.length, 16 + 32 * slots, 'file size');
const slot = (i) => point(file.slice(16 + 32 * i, 48 + 32 * i));
function slotsOf(token) {
  const word = digest('tutela1 slots', token, { size: 16, key: un(H.seed) });
  const start = Number((le(word.slice(0, 8)) * BigInt(H.segments)) >> 64n) * H.segment_length;
  const places = le(word.slice(8));
  const within = (shift) => Number((places >> BigInt(shift)) & BigInt(H.segment_length - 1));
  return [0, 1, 2].map((i) => start + i * H.segment_length + within(20 * i));
}
const tokenPoint = (token) => hashToGroup(digest('tutela1 point', token, { size: 64, key: tableId }));
const decode = (token) => slotsOf(token).map(slot).reduce((sum, p) => sum.add(p));
const needed = new Set();
for (const row of V.points) {
  const token = un(row.token);
  same(hex(encode(tokenPoint(token))), row.point, 'H(x)');
  same(slotsOf(token), row.slots, 'slots');
  same(hex(encode(decode(token))), hex(encode(times(a, tokenPoint(token)))), 'D decodes to a*H(x)');
  row.slots.forEach((i) => needed.add(i));
}
let free = 0;
for (let i = 0; i < slots; i += 1) {
  const filler = hashToGroup(digest('tutela1 free', toLe(i, 8), { size: 64, key: tableId }));
  if (hex(encode(times(a, filler))) === hex(encode(slot(i)))) free += 1;
}
same(free, slots - H.tokens, 'every slot that no token owns is a*H("free", slot)');
const sha = (...parts) => parts.reduce((h, part) => h.update(part), createHash('sha256')).digest();
function treeHash(leaves) {
  if (leaves.length === 1) return sha(Buffer.from([0]), leaves[0]);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha(Buffer.from([1]), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}
const chunks = [];
for (let at = 16; at < file.length; at += 65536) chunks.push(file.slice(at, at + 65536));
same(treeHash(chunks).toString('hex'), H.root, 'root');

// --- enrolment
const { account, device } = V.device;
const names = [text(account), text(device)];
const enrolment = un(V.device.enrolment);
const kAcct = un(V.device.secrets).slice(0, 16);
function ed25519(publicKey, message, signature) {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  return verifySignature(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
}
const identity = enrolment.slice(68, 100);
same(hex(enrolment.slice(0, 4)), hex(cat(text('TE'), [1, 0])), 'enrolment version');
same(hex(enrolment.slice(4, 36)), H.table_id, 'enrolment table');
const commitAccount = (key) => hex(digest('tutela1 commit', cat(frame(...names), tableId), { key }));
same(hex(enrolment.slice(36, 68)), commitAccount(kAcct), 'H(k_acct)');
same(hex(enrolment.slice(100, -64)), hex(cat(...names.flatMap((n) => [toLe(n.length, 2), n]))), 'names');
same(ed25519(identity, enrolment.slice(0, -64), enrolment.slice(-64)), true, 'enrolment signature');

// --- vouchers
const BODY = 3200;
const SIZE = 60 + 32 + 81 * TOKENS + BODY + 64;
const tag = hex(digest('tutela1 context', frame(text('device'), ...names), { size: 16 }));
function cut(bytes) {
  if (bytes.length !== SIZE) throw new Error('size');
  if (hex(bytes.slice(0, 4)) !== hex(cat(text('TV'), [1, 1]))) throw new Error('version or profile');
  if (hex(bytes.slice(4, 36)) !== H.table_id) throw new Error('table');
  if (hex(bytes.slice(36, 52)) !== tag) throw new Error('device');
  if (!ed25519(identity, bytes.slice(0, -64), bytes.slice(-64))) throw new Error('signature');
  const commitment = bytes.slice(60, 92);
  const slotBytes = bytes.slice(52, 60);
  const context = digest('tutela1 context', cat(frame(text('voucher'), ...names), tableId, slotBytes, commitment));
  return { commitment, context, tokens: bytes.slice(92, 92 + 81 * TOKENS), body: bytes.slice(92 + 81 * TOKENS, -64) };
}
const commitImage = (key) => hex(digest('tutela1 com', key));
const pad = (S, Q, context, place) => digest('tutela1 pad', cat(Q, context, [place]), { size: 49, key: S });
const sharePad = (key, S, context) => digest('tutela1 share', cat(S, context), { size: 24, key });

function open(voucher) {
  let imageKey = null;
  const wraps = [];
  for (let place = 0; place < TOKENS; place += 1) {
    const Q = voucher.tokens.slice(81 * place, 81 * place + 32);
    const S = encode(times(a, point(Q)));
    const wrap = xor(voucher.tokens.slice(81 * place + 32, 81 * place + 81), pad(S, Q, voucher.context, place));
    wraps.push({ S, wrap });
    if (commitImage(wrap.slice(9, 25)) === hex(voucher.commitment)) imageKey = wrap.slice(9, 25);
  }
  if (!imageKey) return null;
  const hits = new Map();
  for (const { S, wrap } of wraps) {
    if (hex(wrap.slice(9, 25)) !== hex(imageKey) || hits.has(wrap[8])) continue;
    const z = xor(wrap.slice(25), sharePad(imageKey, S, voucher.context));
    hits.set(wrap[8], [wrap[8], hex(z.slice(0, 8)), hex(z.slice(8))]);
  }
  return { image_key: hex(imageKey), hits: [...hits.values()].sort((x, y) => x[0] - y[0]) };
}
const vouchers = V.vouchers.map((row) => cut(un(row.voucher)));
V.vouchers.forEach((row, i) => same(open(vouchers[i]), row.opened, `opening of voucher ${i}`));

// --- the account key, by interpolation at 0 in one mask
const power = (base, exponent) => {
  let [result, b, e] = [1n, mod(base, PRIME), exponent];
  for (; e > 0n; e >>= 1n, b = (b * b) % PRIME) if (e & 1n) result = (result * b) % PRIME;
  return result;
};
const inverse = (value) => power(value, PRIME - 2n);
function atZero(points) {
  return points.reduce((sum, [x, y], i) => {
    const weight = points.reduce(
      (w, [other], k) => (k === i ? w : mod(w * other * inverse(mod(other - x, PRIME)), PRIME)), 1n);
    return mod(sum + y * weight, PRIME);
  }, 0n);
}
const opened = V.vouchers.map((row) => row.opened).filter(Boolean);
same(opened.length >= threshold, true, 'enough vouchers open');
masks.forEach((_, j) => {
  const points = opened.slice(0, threshold).map((item) => item.hits.find((hit) => hit[0] === j));
  if (points.every(Boolean)) {
    const key = toLe(atZero(points.map(([, x, y]) => [le(un(x)), le(un(y))])), 16);
    same(hex(key), hex(kAcct), `k_acct from mask ${j}`);
    same(commitAccount(key), hex(enrolment.slice(36, 68)), 'commitment');
  }
});

// --- the bodies, and every byte of the token section again from the seed inside
function aead(name, key, context, sealed) {
  const decipher = createDecipheriv('chacha20-poly1305', digest(name, context, { key }), new Uint8Array(12), { authTagLength: 16 });
  decipher.setAAD(context, { plaintextLength: sealed.length - 16 });
  decipher.setAuthTag(sealed.slice(-16));
  return Uint8Array.from(Buffer.concat([decipher.update(sealed.slice(0, -16)), decipher.final()]));
}
const expand = (seed, what, index = 0, size = 64) =>
  digest('tutela1 expand', cat(text(what), toLe(index, 4)), { size, key: seed });
const wide = (bytes) => mod(le(bytes), ORDER);
function position(token) {
  const x = digest('tutela1 x', token, { size: 8, key: kAcct });
  return x.some(Boolean) ? x : Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0]);
}
function evaluate(j, x) {
  let value = le(kAcct);
  for (let i = 1, at = x; i < threshold; i += 1, at = mod(at * x, PRIME)) {
    const c = mod(le(digest('tutela1 poly', cat([j], toLe(i, 2)), { key: kAcct })), PRIME);
    value = mod(value + c * at, PRIME);
  }
  return value;
}
V.vouchers.forEach((row, i) => {
  if (!row.opened) return;
  const { context, body, tokens } = vouchers[i];
  const inner = aead('tutela1 account', kAcct, context, aead('tutela1 image', un(row.opened.image_key), context, body));
  const [version, kind, quality, count] = inner;
  same([version, kind, count], [1, 1, masks.length * probes], 'inner head');
  same(quality >= V.parameters.minimum_quality, true, 'quality');
  const seed = inner.slice(4, 36);
  const pdq = inner.slice(36, 68);
  const places = masks.map((_, j) => [...inner.slice(68 + j * probes, 68 + (j + 1) * probes)]);
  same(hex(inner.slice(196, 228)), hex(Uint8Array.from({ length: 32 }, () => i)), 'attachment key');
  same(hex(inner.slice(244, 276)), sha(Buffer.from([i])).toString('hex'), 'ciphertext hash');
  const message = inner.slice(278, 278 + Number(le(inner.slice(276, 278))));
  same(new TextDecoder().decode(message), `$${i}`, 'message reference');
  const kImg = toLe(mod(le(expand(seed, 'k_img')), PRIME), 16);
  same(hex(kImg), row.opened.image_key, 'k_img from the seed');
  const names6 = deviceTokens(pdq, places);
  const order = names6.map((_, n) => [hex(expand(seed, 'order', n, 16)), n]).sort((x, y) => (x[0] < y[0] ? -1 : 1));
  order.forEach(([, n], place) => {
    const token = names6[n];
    const b = wide(expand(seed, 'b', n));
    const g = wide(expand(seed, 'g', n));
    const Q = encode(times(b, tokenPoint(token)).add(times(g, RistrettoPoint.BASE)));
    const S = encode(times(b, decode(token)).add(times(g, A)));
    const x = position(token);
    const z = xor(cat(x, toLe(evaluate(token[0], le(x)), 16)), sharePad(kImg, S, context));
    const wrap = xor(cat(expand(seed, 'w', 0, 8), [token[0]], kImg, z), pad(S, Q, context, place));
    same(hex(tokens.slice(81 * place, 81 * place + 81)), hex(cat(Q, wrap)), `token ${place} of voucher ${i}`);
  });
});

// --- what must be refused
for (const [defect, bytes] of Object.entries(V.refused)) {
  assert.throws(() => cut(un(bytes)), undefined, defect);
  checks += 1;
}
for (const [defect, bytes] of Object.entries(V.refused_points)) {
  assert.throws(() => point(un(bytes)), undefined, defect);
  checks += 1;
}

// --- the audit: proofs of equal and unequal logarithms, the table's proof, lawful pictures, absent digests
const X = JSON.parse(readFileSync(new URL('audit.json', import.meta.url)));
const challenge = (name, ...parts) => wide(digest(name, frame(...parts), { size: 64 }));
const timesAny = (scalar, p) => (scalar === 0n ? RistrettoPoint.ZERO : p.multiply(scalar));
const reduced = (bytes) => {
  if (bytes.length !== 32 || le(bytes) >= ORDER) throw new Error('scalar');
  return le(bytes);
};
const pairsRoot = (pairs) => digest('tutela1 pairs', cat(...pairs.flat()));
function checkEqual(proof, context, publicKey, base, product) {
  if (proof.length !== 64) throw new Error('size');
  const [c, s] = [reduced(proof.slice(0, 32)), reduced(proof.slice(32))];
  const [K, M, Z] = [publicKey, base, product].map(point);
  const R1 = timesAny(s, RistrettoPoint.BASE).subtract(timesAny(c, K));
  const R2 = timesAny(s, M).subtract(timesAny(c, Z));
  const statement = frame(context, publicKey, base, product);
  if (challenge('tutela1 dleq', statement, encode(R1), encode(R2)) !== c) throw new Error('unequal');
}
function checkBatch(proof, context, publicKey, root, pairs) {
  const key = digest('tutela1 batch', frame(root, publicKey, context, toLe(pairs.length, 4)));
  let [M, Z] = [RistrettoPoint.ZERO, RistrettoPoint.ZERO];
  pairs.forEach(([h, p], i) => {
    const d = wide(digest('tutela1 coeff', toLe(i, 4), { size: 64, key }));
    M = M.add(times(d, point(h)));
    Z = Z.add(times(d, point(p)));
  });
  checkEqual(proof, key, publicKey, encode(M), encode(Z));
}
function checkUnequal(proof, context, publicKey, pairs) {
  const parts = [];
  for (let at = 0; at < proof.length; at += 32) parts.push(proof.slice(at, at + 32));
  const [c, u, b] = parts.slice(0, 3).map(reduced);
  const differences = parts.slice(3);
  if (differences.length !== pairs.length) throw new Error('number');
  const commitments = pairs.map(([h, w], j) =>
    encode(timesAny(u, point(h)).subtract(timesAny(b, point(w))).subtract(timesAny(c, point(differences[j])))));
  commitments.push(encode(timesAny(u, RistrettoPoint.BASE).subtract(timesAny(b, point(publicKey)))));
  const statement = frame(context, publicKey, pairsRoot(pairs));
  if (challenge('tutela1 unequal', statement, ...differences, ...commitments) !== c) throw new Error('refused');
}
const A32 = un(H.public_key);
const holds = (check, what) => {
  check();
  checks += 1;
  return what;
};
const fails = (check, what) => {
  assert.throws(check, undefined, what);
  checks += 1;
};
const pairsOf = (rows) => rows.map((row) => row.map(un));
{
  const { context, pairs, proof } = X.batch;
  const [ctx, rows, bytes] = [un(context), pairsOf(pairs), un(proof)];
  holds(() => checkBatch(bytes, ctx, A32, pairsRoot(rows), rows));
  const swapped = [[rows[0][0], rows[1][1]], ...rows.slice(1)];
  fails(() => checkBatch(bytes, ctx, A32, pairsRoot(swapped), swapped), 'a swapped pair');
  fails(() => checkBatch(bytes, text('other'), A32, pairsRoot(rows), rows), 'another context');
}
{
  const { context, pairs, proof } = X.unequal;
  const [ctx, rows, bytes] = [un(context), pairsOf(pairs), un(proof)];
  holds(() => checkUnequal(bytes, ctx, A32, rows));
  const zero = cat(bytes.slice(0, 96), new Uint8Array(32), bytes.slice(128));
  fails(() => checkUnequal(zero, ctx, A32, rows), 'the identity');
  fails(() => checkUnequal(bytes, ctx, A32, rows.slice(1)), 'a pair less');
}
{
  // the table's proof, pair by pair: tokens with dummies, then free slots
  const proof = un(X.table.proof);
  same(hex(proof.slice(0, 72)), hex(cat(text('tutelaX1'), tableId, A32)), 'head of the proof');
  const names = [...new Set(X.table.tokens)].sort();
  const step = 2 ** Math.max(4, Math.floor(Math.log2(names.length)) - 6);
  for (let i = 0; names.length % step; i += 1) names.push('ff' + i.toString(16).padStart(10, '0'));
  const left = new Set(names.map((_, i) => i));
  const owned = new Set();
  while (left.size) {
    const touched = new Map();
    left.forEach((i) => slotsOf(un(names[i])).forEach((s) => touched.set(s, [...(touched.get(s) ?? []), i])));
    const single = [...touched].filter(([, who]) => who.length === 1).sort((x, y) => x[0] - y[0]);
    assert.ok(single.length, 'peels');
    single.forEach(([s, [i]]) => left.delete(i) && owned.add(s));
  }
  const rows = names.map((name) => [encode(tokenPoint(un(name))), encode(decode(un(name)))]);
  for (let s = 0; s < slots; s += 1) {
    const filler = digest('tutela1 free', toLe(s, 8), { size: 64, key: tableId });
    if (!owned.has(s)) rows.push([encode(hashToGroup(filler)), encode(slot(s))]);
  }
  same(rows.length, slots, 'as many equations as slots');
  const sorted = digest('tutela1 tokens', cat(...names.map(un)));
  const layout = cat(toLe(H.segments, 4), toLe(H.segment_length, 4));
  const root = digest('tutela1 table', frame(sorted, un(H.seed), layout, un(H.root)));
  same(hex(proof.slice(72, 104)), hex(root), 'statement');
  holds(() => checkBatch(proof.slice(104), tableId, A32, root, rows));
  rows[3] = [rows[3][0], rows[4][1]];
  fails(() => checkBatch(proof.slice(104), tableId, A32, root, rows), 'another slot');
}
{
  const [set, proofs] = [un(X.lawful.set), un(X.lawful.proofs)];
  const setDigest = digest('tutela1 lawful', set);
  same(hex(setDigest), X.lawful.digest, 'digest of the set');
  const [count, size] = [Number(le(set.slice(10, 14))), 64 + masks.length * probes];
  same(hex(proofs.slice(0, 76)), hex(cat(text('tutelaN1'), tableId, setDigest, toLe(count, 4))), 'head');
  const each = (proofs.length - 76) / count;
  for (let i = 0; i < count; i += 1) {
    const row = set.slice(14 + i * size, 14 + (i + 1) * size);
    const places = masks.map((_, j) => [...row.slice(64 + j * probes, 64 + (j + 1) * probes)]);
    const rows = deviceTokens(row.slice(32, 64), places).map((y) => [encode(tokenPoint(y)), encode(decode(y))]);
    const context = frame(text('tutelaN1'), tableId, setDigest, toLe(i, 4));
    holds(() => checkUnequal(proofs.slice(76 + i * each, 76 + (i + 1) * each), context, A32, rows));
  }
}
{
  const proof = un(X.absence.proof);
  same(hex(proof.slice(0, 8)), hex(text('tutelaE1')), 'head of the absence proof');
  const [K, product] = [proof.slice(8, 40), proof.slice(56, 88)];
  const [number, index] = [le(proof.slice(40, 48)), le(proof.slice(48, 56))];
  const absent = (value) => {
    const named = frame(K, text(X.absence.kind), un(value));
    const base = encode(hashToGroup(digest('tutela1 vrfpoint', named, { size: 64 })));
    checkEqual(proof.slice(88, 152), text('tutela absence 1'), K, base, product);
    const [lower, upper] = [hex(proof.slice(152, 184)), hex(proof.slice(184, 216))];
    const place = hex(digest('tutela1 vrf', frame(product)));
    assert.ok(lower < place && place < upper, 'inside of the gap');
    let node = sha(Buffer.from([0]), proof.slice(152, 216));
    let [i, last, at] = [index, number - 1n, 216];
    for (; last > 0n; i >>= 1n, last >>= 1n) {
      if (!(i & 1n) && i >= last) continue;
      const other = proof.slice(at, at + 32);
      at += 32;
      node = i & 1n ? sha(Buffer.from([1]), other, node) : sha(Buffer.from([1]), node, other);
    }
    assert.equal(at, proof.length);
    const commitment = digest('tutela1 absence', frame(K, toLe(number, 8), node));
    assert.equal(hex(commitment), X.absence.commitment);
  };
  holds(() => absent(X.absence.digest));
  X.absence.listed.forEach((value) => fails(() => absent(value), 'a listed digest'));
}
console.log(JSON.stringify({ ok: true, checks }));
