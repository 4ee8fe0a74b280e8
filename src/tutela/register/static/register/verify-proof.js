// Check that a leaf is in a transparency log, and that enough witnesses saw it there.
//
// Formats: C2SP tlog-proof, tlog-checkpoint, signed-note, tlog-cosignature, tlog-policy; hashes as in RFC 6962.
// Everything is computed here, with the browser's own SHA-256 and Ed25519. Nothing is fetched and nothing is sent.
//
// What this does NOT protect: whoever can change this script, or the policy that it is given, decides what it says.
// Take both from somewhere else, or run `tutela log verify`, if you do not trust this server.

const MAX_AGE = 24 * 3600; // seconds: cosignatures of a quorum are not older
const CLOCK_SKEW = 5 * 60; // seconds that a witness's clock may be ahead of ours
const ED25519 = 0x01;
const COSIGNATURE = 0x04;
const utf8 = new TextEncoder();

export class Refused extends Error {}

// Return {verified, steps: [{holds, text}], message}; `verified` only if every step holds.
export async function check(leaf, proofText, policyText, now = Date.now() / 1000) {
  const steps = [];
  const say = (text) => steps.push({ holds: true, text });
  try {
    await run(leaf, proofText, policyText, now, say);
    return { verified: true, steps, message: "This leaf is in the log, and nobody can take it out unseen." };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    steps.push({ holds: false, text: error.message });
    return { verified: false, steps, message: "This proof does not hold. Do not rely on this leaf." };
  }
}

async function run(leaf, proofText, policyText, now, say) {
  refuseUnless(globalThis.crypto?.subtle, "This browser offers no cryptography here; open the page over HTTPS.");
  const policy = parsePolicy(policyText);
  const proof = parseProof(proofText);
  const note = proof.checkpoint;
  say(`The proof is of leaf ${proof.index}, in a log of ${note.size} leaves named ${note.origin}.`);

  const hash = await leafHash(utf8.encode(leaf));
  say(`SHA-256 of this leaf, as the tree takes it: ${hex(hash)}.`);

  const root = await rootFrom(hash, proof.index, note.size, proof.hashes);
  refuseUnless(equal(root, note.root), `With this leaf the tree's root would be ${hex(root)}, but the checkpoint says ${hex(note.root)}. The leaf or the proof was changed.`);
  say(`Hashed upwards with ${proof.hashes.length} neighbours it gives the checkpoint's root: ${hex(root)}.`);

  const keys = policy.logs.filter((key) => key.name === note.origin);
  refuseUnless(keys.length > 0, `The policy does not name the log ${note.origin}.`);
  const own = keys.flatMap((key) => note.signatures.filter((each) => made(key, each)).map((each) => [key, each]));
  refuseUnless(own.length > 0, "The checkpoint has no signature of the log's key.");
  for (const [key, each] of own) {
    refuseUnless(await verifies(key, each.value, utf8.encode(note.text)), "The log's signature does not fit the checkpoint. It was changed, or another key made it.");
  }
  say(`The log ${note.origin} signed this checkpoint.`);

  const times = await cosignatures(note, policy, say);
  checkQuorum(times, policy, now, say);
}

// -- The tree ----------------------------------------------------------------------------------------------------

async function sha256(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const leafHash = (data) => sha256(Uint8Array.of(0), data);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

// RFC 9162, 2.1.3.2: go up from the leaf; `fn` is its place and `sn` the last place, level by level.
async function rootFrom(hash, index, size, hashes) {
  refuseUnless(index < size, `The log of ${size} leaves has no leaf ${index}.`);
  let [fn, sn, found] = [index, size - 1, hash];
  for (const step of hashes) {
    refuseUnless(sn > 0, "The proof is longer than the tree is high.");
    if (fn % 2 === 1 || fn === sn) {
      found = await nodeHash(step, found);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else {
      found = await nodeHash(found, step);
    }
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  refuseUnless(sn === 0, "The proof ends before the root of the tree.");
  return found;
}

// -- Signatures --------------------------------------------------------------------------------------------------

async function verifies(key, signature, message) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.publicKey, { name: "Ed25519" }, false, ["verify"]);
  } catch (error) {
    refuseUnless(error.name !== "NotSupportedError", "This browser cannot check Ed25519 signatures, so nothing shows who signed. Use a newer one.");
    throw new Refused(`The key of ${key.name} in the policy is no Ed25519 key.`);
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

const made = (key, signature) => signature.name === key.name && equal(signature.id, key.id);

async function cosignatures(note, policy, say) {
  const times = new Map();
  for (const witness of policy.witnesses) {
    for (const each of note.signatures.filter((signature) => made(witness.key, signature))) {
      refuseUnless(each.value.length === 72, `The cosignature of ${witness.name} is too short or too long.`);
      const time = Number(new DataView(each.value.buffer, each.value.byteOffset).getBigUint64(0));
      const message = utf8.encode(`cosignature/v1\ntime ${time}\n${note.text}`);
      refuseUnless(await verifies(witness.key, each.value.slice(8), message), `The cosignature of the witness ${witness.name} does not fit the checkpoint.`);
      times.set(witness.name, Math.max(time, times.get(witness.name) ?? 0));
    }
    if (times.has(witness.name)) say(`The witness ${witness.name} saw this tree at ${moment(times.get(witness.name))}.`);
  }
  return times;
}

function checkQuorum(times, policy, now, say) {
  refuseUnless(quorumMet(policy, new Set(times.keys())), `${times.size} of ${policy.witnesses.length} witnesses vouch for this tree; the policy asks for more.`);
  if (policy.quorum === "none") {
    say("The policy asks for no witness: nobody but the log itself says that all are shown the same.");
    return;
  }
  refuseUnless([...times.values()].every((time) => time <= now + CLOCK_SKEW), "A witness's time lies in the future. Check this computer's clock.");
  const fresh = new Set([...times].filter(([, time]) => now - time <= MAX_AGE).map(([name]) => name));
  refuseUnless(quorumMet(policy, fresh), "Too few witnesses saw this tree within the last 24 hours. Load the page again for a newer proof.");
  say("These witnesses are the quorum that the policy asks for, and all of it within the last 24 hours.");
}

function quorumMet(policy, names) {
  const met = new Set(names);
  for (const group of policy.groups) {
    if (group.members.filter((name) => met.has(name)).length >= group.threshold) met.add(group.name);
  }
  return policy.quorum === "none" || met.has(policy.quorum);
}

// -- Formats -----------------------------------------------------------------------------------------------------

function parseProof(text) {
  const gap = text.indexOf("\n\n");
  refuseUnless(gap > 0, "The proof ends before its checkpoint.");
  const lines = text.slice(0, gap).split("\n");
  refuseUnless(lines.shift() === "c2sp.org/tlog-proof@v1", "This is no proof of a transparency log.");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = /^index (0|[1-9][0-9]{0,14})$/.exec(lines.shift() ?? "");
  refuseUnless(index && lines.length <= 63, "The proof names no leaf, or is longer than any tree needs.");
  return { index: Number(index[1]), hashes: lines.map(hashOf), checkpoint: parseNote(text.slice(gap + 2)) };
}

function parseNote(text) {
  const gap = text.lastIndexOf("\n\n");
  refuseUnless(gap > 0 && text.endsWith("\n"), "The checkpoint has no signatures, or is cut short.");
  const body = text.slice(0, gap + 1);
  const [origin, size, root] = body.split("\n");
  refuseUnless(origin && /^(0|[1-9][0-9]{0,14})$/.test(size ?? ""), "The checkpoint names no log or no size.");
  const signatures = text.slice(gap + 2, -1).split("\n").map(parseSignature);
  return { text: body, origin, size: Number(size), root: hashOf(root ?? ""), signatures };
}

function parseSignature(line) {
  const words = line.split(" ");
  refuseUnless(words.length === 3 && words[0] === "\u2014", "A signature line of the checkpoint cannot be read.");
  const value = bytesOf(words[2]);
  refuseUnless(value.length > 4, "A signature of the checkpoint is too short.");
  return { name: words[1], id: value.slice(0, 4), value: value.slice(4) };
}

// A key is written `name+4 bytes in hex+base64 of its type and the 32 bytes`.
function parseKey(text, type) {
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text);
  refuseUnless(parts, "A key of the policy cannot be read.");
  const data = bytesOf(parts[3]);
  refuseUnless(data[0] === type && data.length === 33, `The key of ${parts[1]} is of a type that this page does not check.`);
  const id = Uint8Array.from(parts[2].match(/../g), (pair) => parseInt(pair, 16));
  return { name: parts[1], id, publicKey: data.slice(1) };
}

function parsePolicy(text) {
  const policy = { logs: [], witnesses: [], groups: [], quorum: undefined };
  const lines = { log: readLog, witness: readWitness, group: readGroup, quorum: readQuorum };
  for (const line of text.split("\n")) {
    const words = line.split(/[ \t]+/).filter(Boolean);
    if (words.length === 0 || words[0].startsWith("#")) continue;
    refuseUnless(Object.hasOwn(lines, words[0]), `The policy has a line that begins with ${words[0].slice(0, 20)}.`);
    lines[words[0]](policy, words);
  }
  refuseUnless(policy.quorum !== undefined, "The policy does not say how many witnesses it asks for.");
  return policy;
}

const readLog = (policy, words) => policy.logs.push(parseKey(words[1] ?? "", ED25519));

function readWitness(policy, words) {
  define(policy, words[1]);
  policy.witnesses.push({ name: words[1], key: parseKey(words[2] ?? "", COSIGNATURE) });
}

function readGroup(policy, [, name, many, ...members]) {
  const threshold = { all: members.length, any: 1 }[many] ?? (/^[0-9]{1,4}$/.test(many ?? "") ? Number(many) : 0);
  refuseUnless(new Set(members).size === members.length && members.every((each) => defined(policy, each)), `The group ${name} names a member twice, or one that is not defined.`);
  refuseUnless(threshold >= 1 && threshold <= members.length, `The group ${name} asks for more members than it has, or for none.`);
  define(policy, name);
  policy.groups.push({ name, threshold, members });
}

function readQuorum(policy, words) {
  refuseUnless(policy.quorum === undefined, "The policy names two quorums.");
  refuseUnless(words[1] === "none" || defined(policy, words[1]), "The policy's quorum is not defined.");
  policy.quorum = words[1];
}

const defined = (policy, name) => [...policy.witnesses, ...policy.groups].some((each) => each.name === name);

function define(policy, name) {
  refuseUnless(name && name !== "none" && !defined(policy, name), "The policy defines a name twice.");
}

// -- Bytes -------------------------------------------------------------------------------------------------------

function bytesOf(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new Refused("Something that should be base64 is not.");
  }
}

function hashOf(text) {
  const data = bytesOf(text);
  refuseUnless(data.length === 32, "A hash of the proof has not 32 bytes.");
  return data;
}

const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const moment = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

function refuseUnless(condition, text) {
  if (!condition) throw new Refused(text);
}
