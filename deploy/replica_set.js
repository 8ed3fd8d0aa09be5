// Health check of MongoDB in docker-compose.yml: exit status 0 for a primary of the replica set, else 1.
// Where the set was never made, it is made; the next check finds it there.

db.getSiblingDB("admin").auth(process.env.MONGO_INITDB_ROOT_USERNAME, process.env.MONGO_INITDB_ROOT_PASSWORD);

const hello = db.hello();
if (hello.setName === undefined) {
  try {
    rs.status();
  } catch (error) {
    // Any other error is that of the server which only makes the user and knows of no replica set yet.
    if (error.codeName === "NotYetInitialized") {
      rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
    }
  }
}
quit(hello.setName === "rs0" && hello.isWritablePrimary ? 0 : 1);
