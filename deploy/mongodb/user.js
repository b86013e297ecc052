// Run once, by the image of MongoDB, when its data is made: the user of the service, who can read and write one
// database and nothing else. The name of that database is where the user is looked up, too.
db.getSiblingDB('vestibule').createUser({
  user: 'vestibule',
  pwd: process.env.MONGODB_PASSWORD,
  roles: [{ role: 'readWrite', db: 'vestibule' }],
});
