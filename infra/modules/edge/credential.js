// CloudFront's signature takes the place of Authorization. A key or token that a caller sends there goes on in x-api-key, which amaas
// reads first and takes for the same. One that is there already is left, for amaas would take that one too.
function handler(event) {
  var headers = event.request.headers;
  var sent = headers.authorization;
  delete headers.authorization;
  if (sent && !headers['x-api-key']) {
    var bearer = /^bearer +(\S.*)$/i.exec(sent.value);
    if (bearer) {
      headers['x-api-key'] = { value: bearer[1].trim() };
    }
  }
  return event.request;
}
