// A whole session with the client that we did not write (cybertipline-tools); prints one JSON object.
import * as buffer from "node:buffer";
globalThis.File ??= buffer.File; // Node.js 18, as Debian 12 ships it, has File there only
const [, , packages, base, username, password] = process.argv;
const { Client, Environment, IncidentType } = await import(`${packages}/cybertipline-tools/dist/index.js`);
const connect = (secret) => {
  const client = new Client({ environment: Environment.Testing, credentials: { username, password: secret } });
  client.baseUrl = `${base}/ispws`;
  return client;
};
const client = connect(password);
const at = new Date("2026-11-20T12:30:00Z");
const outcome = { status: (await client.getStatus()).data.responseCode };
const opened = await client.submitReport({
  incidentSummary: { incidentType: IncidentType.MisleadingDomainName, incidentDateTime: at },
  reporter: { reportingPerson: { firstName: "Robin", email: [{ email: "robin@example.org" }] } },
  personOrUserReported: {
    espIdentifier: "@node:example.org",
    screenName: "node",
    ipCaptureEvent: [{ ipAddress: "198.51.100.20", eventName: "Upload", dateTime: at, port: 40555 }],
  },
});
outcome.requestId = opened.requestId;
outcome.reportId = opened.data.reportId;
const bytes = new TextEncoder().encode("ordinary bytes from node ".repeat(4000));
const uploaded = await client.uploadFile({ id: outcome.reportId, file: new File([bytes], "node.txt") });
outcome.fileId = uploaded.data.fileId;
outcome.hash = uploaded.data.hash;
await client.submitFileDetails({ reportId: outcome.reportId, fileId: outcome.fileId, fileViewedByEsp: true });
outcome.files = (await client.finishReport({ id: outcome.reportId })).data.files;
outcome.again = await client.finishReport({ id: outcome.reportId }).then(() => "accepted", (error) => error.message);
outcome.retract = (await client.cancelReport({ id: outcome.reportId })).data.responseCode; // it never throws over 5102
outcome.wrongPassword = await connect("wrong").getStatus().then(() => "accepted", () => "refused");
console.log(JSON.stringify(outcome));
