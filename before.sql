-- MariaDB dump 10.19  Distrib 10.5.16-MariaDB, for Linux (x86_64)
--
-- ------------------------------------------------------
-- Server version	10.5.16-MariaDB

/*!40101 SET NAMES utf8mb4 */;

--
-- Current Database: `keystone`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `keystone` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;
USE `keystone`;
DROP TABLE IF EXISTS `alembic_version`;
CREATE TABLE `alembic_version` (version_num varchar(64) NOT NULL, PRIMARY KEY (version_num)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `alembic_version` VALUES ('k1');
DROP TABLE IF EXISTS `endpoint`;
CREATE TABLE `endpoint` (id varchar(64) NOT NULL, service_id varchar(64), region_id varchar(255), interface varchar(8), enabled int, url text, PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `endpoint` VALUES ('0d75eb9a-774b-598c-92a1-6a1e4f286778','8aaa90bf-9512-5751-9185-204f9db5246a','regionOne','public',1,'http://192.0.2.10:9292'),('33bb3e90-65c3-5d1e-8a20-6f0a9409714c','c0d68ace-2e4d-5b9c-ac9e-6c11e16a2834','regionOne','public',1,'http://192.0.2.10:5000'),('3bf13c01-a57d-56a9-8347-ef1eb48ab1c7','6e7d615d-0e67-587b-9006-3fe02f146b1b','regionOne','public',1,'http://192.0.2.10:9696'),('47d409ca-6672-5692-901e-a6de9e97749b','7072abcb-8aa9-521a-82f3-28842c87d586','regionOne','public',1,'http://192.0.2.10:8774'),('67f22d73-721c-5712-9b82-0225dd411939','975ac209-41b0-5619-a8fc-8b048ebcbfd2','regionOne','public',1,'http://192.0.2.10:8778'),('ca18da0a-181c-53d8-bd31-15ccb2ea5bad','49adc6b7-facf-5077-bb7c-56637e019918','regionOne','public',1,'http://192.0.2.10:8776');
DROP TABLE IF EXISTS `project`;
CREATE TABLE `project` (id varchar(64) NOT NULL, name varchar(64), PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `project` VALUES ('5a130aea-75c9-5994-920f-66398a228d27','demo'),('6ac9317a-4015-5081-8e52-90e26156a8a8','service'),('7d7efa74-0e90-5de5-b29b-f5b469f52ee3','admin');
DROP TABLE IF EXISTS `service`;
CREATE TABLE `service` (id varchar(64) NOT NULL, name varchar(255), type varchar(255), PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `service` VALUES ('49adc6b7-facf-5077-bb7c-56637e019918','cinder','volumev3'),('6e7d615d-0e67-587b-9006-3fe02f146b1b','neutron','network'),('7072abcb-8aa9-521a-82f3-28842c87d586','nova','compute'),('8aaa90bf-9512-5751-9185-204f9db5246a','glance','image'),('975ac209-41b0-5619-a8fc-8b048ebcbfd2','placement','placement'),('c0d68ace-2e4d-5b9c-ac9e-6c11e16a2834','keystone','identity');
DROP TABLE IF EXISTS `user`;
CREATE TABLE `user` (id varchar(64) NOT NULL, name varchar(255), enabled int, created_at datetime, PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `user` VALUES ('2b76de90-4035-59ab-bda9-cbe212f2fa93','glance',1,'2026-04-12 08:00:00'),('75566fe3-ed39-5bec-9e83-61bf25c4bebc','nova',1,'2026-04-12 08:00:00'),('ba2b2b69-b5cb-5e1c-b590-e685758d66af','demo',1,'2026-04-12 08:00:00'),('d738beb8-cec8-5160-ad6e-299fc53ea59c','admin',1,'2026-04-12 08:00:00');

--
-- Current Database: `nova`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `nova` /*!40100 DEFAULT CHARACTER SET utf8mb3 */;
USE `nova`;
DROP TABLE IF EXISTS `alembic_version`;
CREATE TABLE `alembic_version` (version_num varchar(64) NOT NULL, PRIMARY KEY (version_num)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `alembic_version` VALUES ('n1');
DROP TABLE IF EXISTS `instances`;
CREATE TABLE `instances` (id int NOT NULL, uuid varchar(36), display_name varchar(255), vm_state varchar(255), host varchar(255), deleted int, created_at datetime, PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `instances` VALUES (1,'9a5a794d-4f81-5b23-8bbd-e8cc84507331','vm-1','active','compute-1',0,'2026-04-12 08:00:00');
DROP TABLE IF EXISTS `services`;
CREATE TABLE `services` (id int NOT NULL, host varchar(255), `binary` varchar(255), disabled int, version int, deleted int, updated_at datetime, PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb3;
INSERT INTO `services` VALUES (1,'compute-1','nova-compute',0,61,0,'2026-04-12 08:00:00');

-- Dump completed on 2026-11-27 20:55:10
